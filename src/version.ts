// The version. A test compares package.json and NEWS.
export const VERSION = "0.2.0";
