// Package login has what a server needs in addition to checking a password: a count
// of failed logins that slows attackers down, tokens for users who have logged in,
// and texts for clients to sign.
package login
