// Replaces an npm package that dbus-next names and guestd leaves out (DEPENDENCIES.md).
throw new Error("guestd does without this npm package, see DEPENDENCIES.md");
