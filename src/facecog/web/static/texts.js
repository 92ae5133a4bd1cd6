// The words of this page, in its language: what web/texts put into it. Numbers, lists and dates are said by the browser.

const element = document.getElementById('texts');
const catalogue = element ? JSON.parse(element.textContent) : {};
export const language = document.documentElement.lang;
const locale = { en: 'en-GB' }[language] ?? language; // The catalogue's English: "Anna, Ben and Carl", 24 Nov 2026.
const plurals = new Intl.PluralRules(language);

/** A text by "section.name", its {values} filled in; one that counts is chosen by the value `n`. */
export function t(key, values = {}) {
  const [section, name] = key.split('.');
  const found = catalogue[section]?.[name];
  if (found === undefined) throw new Error(`There is no text ${key} on this page.`);
  const text = typeof found === 'string' ? found : (found[plurals.select(values.n)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, value) => {
    if (!(value in values)) throw new Error(`The text ${key} wants a value ${value}.`);
    const given = values[value];
    return typeof given === 'number' ? number(given) : given;
  });
}

export function has(key) {
  const [section, name] = key.split('.');
  return catalogue[section]?.[name] !== undefined;
}

export function number(value, options = {}) {
  return value.toLocaleString(locale, options);
}

/** "Anna, Ben and Carl"; type: conjunction ("and") or disjunction ("or"). */
export function listed(names, type = 'conjunction') {
  return new Intl.ListFormat(locale, { type }).format(names);
}

/** "24 Nov 2026, 16:15" as the language writes it. */
export function moment(iso) {
  return new Date(iso).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short' });
}

/** "24 Nov 2026" */
export function day(iso) {
  return new Date(iso).toLocaleDateString(locale, { dateStyle: 'medium' });
}
