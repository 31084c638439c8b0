// Before anything is drawn, so that a page that was made dark does not flash.
try {
  const theme = localStorage.getItem("iem-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be switched off; then the system decides.
}
