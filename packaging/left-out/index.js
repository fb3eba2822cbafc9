// Replaces an npm package in node_modules that dbus-next names and guestd leaves out: see DEPENDENCIES.md.
throw new Error("guestd does without this npm package, see DEPENDENCIES.md");
