// The link in the terminal leads here with the code after the #, which no browser sends: it is put into the form.

const code = document.getElementById('code');

function fill() {
  const given = location.hash.slice(1);
  if (!given) return;
  history.replaceState(null, '', location.pathname); // it is not to stay in the history
  code.value = given;
  document.getElementById('name').focus();
}

addEventListener('hashchange', fill);
fill();
