// Package jailparam knows the types and sizes of jail parameters, puts a
// jail_get(2) together, and says in words why the kernel refused a jail_set(2).
package jailparam
