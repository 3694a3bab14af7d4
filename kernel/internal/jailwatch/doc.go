// Package jailwatch turns repeated looks at all jails into a sequence of events.
package jailwatch
