// One instance for each root, from its first drawing until Streamlit ends it with its nodes gone.

const instances = new WeakMap();

// Streamlit calls what a drawing returned when the component has gone, but (1.67; see
// the review of streamlit/streamlit#17017) also when newer data came while the module was still being
// imported: before or after the drawing of that data, with the component in full use. An instance
// that ended then would leave its tiles and listeners to its successor, and a key would decide
// twice. What has gone has no nodes in the page.
function mounted(root, make, component) {
  let instance = instances.get(root);
  if (!instance) instances.set(root, (instance = make(root)));
  instance.update(component);
  return () => {
    if (root.isConnected || instances.get(root) !== instance) return;
    instances.delete(root);
    instance.close();
  };
}
