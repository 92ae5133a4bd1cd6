// Starts Swagger UI on this server's own description.

// Swagger UI has a dark look of its own, but leaves it to the page to ask for it.
const light = matchMedia('(prefers-color-scheme: light)');
const follow = () => document.documentElement.classList.toggle('dark-mode', !light.matches);
light.addEventListener('change', follow);
follow();

window.SwaggerUIBundle({
  url: '/openapi.json',
  domNode: document.getElementById('swagger'),
  deepLinking: true,
  validatorUrl: null, // The default asks a server elsewhere.
  docExpansion: 'list',
  operationsSorter: 'alpha',
  defaultModelsExpandDepth: 0,
});
