// The version, once. package.json and NEWS are held against it by a test.
export const VERSION = "0.2.0";
