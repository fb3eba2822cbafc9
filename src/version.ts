// The version, in one place. A test compares package.json and NEWS with it.
export const VERSION = "0.2.0";
