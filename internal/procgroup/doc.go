// Package procgroup ends a program together with its children.
package procgroup
