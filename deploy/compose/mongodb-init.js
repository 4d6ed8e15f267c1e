// Runs once, when the data folder is empty: the directory's own user, with rights on its own database only.
db.getSiblingDB("directory").createUser({
  user: "directory",
  pwd: process.env.DIRECTORY_PASSWORD,
  roles: [{ role: "readWrite", db: "directory" }, { role: "dbAdmin", db: "directory" }],
});
