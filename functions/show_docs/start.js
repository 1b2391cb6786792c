async function start() {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`openapi.json answered ${answer.status}`);
  api = await answer.json();
  byId("about").textContent = api.info.description;
  showFirstPicture();
  showOperations();
  showErrors();
  byId("news").textContent = "";
}

defineIdentityGallery();
start().catch(error => { byId("news").textContent = `The document could not be read: ${error.message}`; });
