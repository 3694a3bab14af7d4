// Package procgroup ends a program together with its children, and keeps the locks of
// an operation for as long as a program of it runs.
package procgroup
