// Package login holds what a server needs beside the check of a password: a
// count of failed logins that slows attackers down, tokens for those who have
// logged in, and texts for clients to sign.
package login
