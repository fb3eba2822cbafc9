// The names on the bus, as in systemd/org.guestd1.xml.

/** Fixed: a root service does not trust its environment. */
export const SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket";

export const BUS = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;

export const NAME = "org.guestd1";
export const OBJECT = "/org/guestd1";
export const INTERFACE = "org.guestd1.Manager";
export const ERROR_PREFIX = "org.guestd1.Error.";
