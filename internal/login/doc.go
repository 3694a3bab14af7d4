// Package login has what a server needs in addition to checking a password: a count
// of failed logins that slows attackers down, the address that it is kept by, tokens for
// users who have logged in, and texts for clients to sign.
package login
