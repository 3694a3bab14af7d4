// Package jailparam knows the types and sizes of jail parameters, encodes
// jail_get(2), and explains why the kernel refused a jail_set(2).
package jailparam
