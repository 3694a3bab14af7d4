// Package jailwatch turns repeated readings of all jails into a sequence of events.
package jailwatch
