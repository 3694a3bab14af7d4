// Package precheck holds the checks that every kernel makes before a call: what
// the FreeBSD kernel would misread, cut short, or accept against everyone's
// interest. The real and the simulated kernel share them.
package precheck
