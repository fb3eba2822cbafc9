// Stands in node_modules for an npm package that dbus-next names and guestd does without: see DEPENDENCIES.md.
throw new Error("guestd does without this npm package, see DEPENDENCIES.md");
