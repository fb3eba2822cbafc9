// Types of the part of systemd-journald 1.5.2 that journal.ts uses. The package has none.
declare module "systemd-journald" {
  type Send = (message: string, fields: Record<string, string | number>) => void;
  const Journald: { readonly err: Send; readonly warning: Send; readonly notice: Send; readonly info: Send };
  export default Journald;
}
