package host

import "github.com/libioc/go-libioc/kernel/freebsd"

// Main is what jail.Main calls: see there, and freebsd.Main.
func Main() { freebsd.Main() }
