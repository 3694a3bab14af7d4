// Package arrows holds tests of the source tree itself: which package may
// import which, which modules each may use, what library code never calls, and
// that every package explains itself with a comment and an example.
//
// The package exports nothing. docs/architecture.md has a picture of the tables.
package arrows
