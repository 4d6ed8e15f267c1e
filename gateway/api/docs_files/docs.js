// Sends what a form says and shows the answer. The token stays in the page.
const token = document.getElementById("token");

function request(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const input of form.querySelectorAll("input[data-in]")) {
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (input.dataset.in === "query") query.append(input.name, input.value);
    else headers[input.name] = input.value;
  }
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  const body = form.querySelector("textarea");
  if (body) headers["Content-Type"] = "application/json";
  const address = query.size ? `${path}?${query}` : path;
  return fetch(address, { method: form.dataset.method, headers, body: body ? body.value : undefined, credentials: "omit" });
}

for (const form of document.querySelectorAll("form.try")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const shown = form.querySelector("pre.answer");
    shown.hidden = false;
    try {
      const answer = await request(form);
      const text = await answer.text();
      let pretty = text;
      if ((answer.headers.get("content-type") || "").includes("json")) pretty = JSON.stringify(JSON.parse(text), null, 2);
      shown.textContent = `${answer.status}\n${pretty}`;
    } catch (fault) {
      shown.textContent = String(fault);
    }
  });
}
