"""A self-hosted face register: says who is in a picture, and knows when not to know.

from facecog import open_facecog

facecog = open_facecog()
facecog.enrol("Anna", open("anna.jpg", "rb").read())
facecog.identify(open("party.jpg", "rb").read())
"""

from facecog.bootstrap import open_facecog
from facecog.config import Settings
from facecog.errors import FacecogError
from facecog.service import Facecog

__all__ = ["Facecog", "FacecogError", "Settings", "open_facecog"]
