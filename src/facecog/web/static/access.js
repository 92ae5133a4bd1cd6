// The QR code in the terminal leads here with the code after the #, which no browser sends: it is sent from here.

const form = document.getElementById('access');
const input = document.getElementById('code');

function enterFromAddress() {
  const code = location.hash.slice(1);
  if (!code) return;
  history.replaceState(null, '', location.pathname + location.search); // it is not to stay in the history
  input.value = code;
  form.requestSubmit();
}

addEventListener('hashchange', enterFromAddress); // scanned again while the page is open
enterFromAddress();
