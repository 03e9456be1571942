import { createTheme, Drawer, Modal, Notification, Tooltip, type CSSVariablesResolver } from "@mantine/core";

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif';

/** Mantine, with what its defaults lack for WCAG 2.2 AA. */
export const theme = createTheme({
  fontFamily: FONT,
  headings: { fontFamily: FONT },
  primaryColor: "blue",
  primaryShade: { light: 8, dark: 8 }, // white text on a filled button: 4.5 to 1 in both schemes
  defaultRadius: "sm",
  fontSizes: { md: "0.875rem", sm: "0.8125rem" },
  components: {
    // A header element in a dialog would be a second banner of the page.
    Modal: Modal.extend({ defaultProps: { attributes: { header: { role: "presentation" } }, closeButtonProps: { "aria-label": "Close" } } }),
    Drawer: Drawer.extend({ defaultProps: { attributes: { header: { role: "presentation" } }, closeButtonProps: { "aria-label": "Close" } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { "aria-label": "Dismiss" } } }),
    Tooltip: Tooltip.extend({ defaultProps: { events: { hover: true, focus: true, touch: true }, multiline: true, maw: 320 } }),
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "#5c636a", "--mantine-color-placeholder": "#5c636a", "--mantine-color-error": "#c92a2a", "--mantine-color-red-outline": "#c92a2a" },
  dark: { "--mantine-color-dimmed": "#a6adb5", "--mantine-color-placeholder": "#a6adb5", "--mantine-color-error": "#ff8787", "--mantine-color-anchor": "#74c0fc" },
});
