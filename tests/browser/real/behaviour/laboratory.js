// Runs every behaviour against one library, each in a frame of its own, and resolves to what was observed.

const PATIENCE = 15000;

function open(library) {
  return new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.src = `/behaviour?library=${library}`;
    frame.onload = () => resolve(frame.contentWindow);
    document.body.appendChild(frame);
  });
}

async function observe(library, name) {
  const { BEHAVIOURS } = await open(library);
  const gaveUp = new Promise((resolve) => setTimeout(resolve, PATIENCE, 'never comes to an end'));
  const observation = Promise.resolve().then(BEHAVIOURS[name]).catch((error) => ({ failed: String(error) }));
  return [name, await Promise.race([observation, gaveUp])];
}

window.observeAll = async (library, values) => {
  window.VALUES = values;
  const { BEHAVIOURS } = await open(library);
  return Promise.all(Object.keys(BEHAVIOURS).map((name) => observe(library, name)));
};
