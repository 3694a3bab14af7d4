// Package precheck holds the checks that every kernel makes before a call: what
// the FreeBSD kernel would misread, cut short or accept although nobody wants it.
// The real and the simulated kernel make the same ones, in the same words.
package precheck
