"""What of facecog is compiled, where there is a C compiler; all else is in pyproject.toml."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "facecog.index._products",
            ["src/facecog/index/_products.c"],
            extra_compile_args=["-O2"],
            optional=True,
        )
    ]
)
