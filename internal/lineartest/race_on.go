//go:build race

package lineartest

// race tells that the race detector is on, whose own work outweighs that of the
// code.
const race = true
