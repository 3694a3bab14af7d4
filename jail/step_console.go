package jail

// consoleLogKey is the property for jail(8)'s exec.consolelog. libioc and
// iocage know none, so it is a user property, which they keep.
const consoleLogKey = "user.exec_consolelog"
