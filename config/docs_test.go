package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestDocs keeps docs/properties.md equal to the schema; go test -update
// writes it.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Properties

Generated from the schema of package config by ` + "`go test ./config -update`" + `; do not edit.

In the column "here" a property acts, is told (it is kept, and the event of a start says
that it has no effect), or is kept for people and other programs. A parameter that the
running kernel does not know is left out if it is off; otherwise the start is refused and
names it, with the module or the release that brings it. Files of iocage are those with
CONFIG_VERSION or with a name in host_hostuuid, those of legacy have keys such as hack88.
What a file of theirs means otherwise than libioc's says the column "meaning".

The type determines how a text is read. The default applies if neither the jail
nor the defaults resource has a value. Inherited properties are read from the
defaults resource if the jail has no value. The last columns are the defaults of
libioc 0.8.2, iocage (CONFIG_VERSION 34), iocage_legacy 1.8 (UCL) and 1.7 (ZFS
properties); an empty cell means that the program does not know the property.

`)
	byScope := make(map[Scope][]Property)
	for _, p := range Properties() {
		byScope[p.Scope] = append(byScope[p.Scope], p)
	}
	for s := ScopeIdentity; s <= ScopeInfo; s++ {
		name := s.String()
		fmt.Fprintf(&b, "## %s\n\n| property | type | default | inherited | here | meaning | libioc | iocage | legacy 1.8 | legacy 1.7 |\n|---|---|---|---|---|---|---|---|---|---|\n", strings.ToUpper(name[:1])+name[1:])
		for _, p := range byScope[s] {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", p.Name, typeCell(p), cell(p.Default), map[bool]string{true: "yes", false: "no"}[p.Inherited],
				here(p), meaning(p), cell(p.Peers.Libioc), cell(p.Peers.Iocage), cell(p.Peers.Legacy18), cell(p.Peers.Legacy17))
		}
		b.WriteString("\n")
	}
	b.WriteString("## Patterns\n\n| pattern | type | meaning |\n|---|---|---|\n")
	for _, row := range [][2]string{{"user.note", "user.*"}, {"em0_mac", "<nic>_mac"}, {"em0_mtu", "<nic>_mtu"}, {"allow_anything", "allow_*, allow_mount_*"},
		{"linux.any", "linux.*, mac.*, zfs.*, vmm.*, host.*, ip4.*, ip6.*, children.*"}} {
		p, ok := Lookup(row[0])
		if !ok {
			t.Fatalf("%s is not a pattern", row[0])
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row[1], p.Type, p.Doc)
	}
	golden(t, "../docs/properties.md", b.String())
}

// here says what becomes of a property in this library.
func here(p Property) string {
	switch {
	case p.Used || p.Param != "":
		return "acts"
	case p.Scope == ScopeInfo:
		return "kept"
	}
	return "told"
}

func typeCell(p Property) string {
	switch p.Type {
	case TypeWord:
		return strings.Join(p.Words, ", ")
	case TypeInt:
		return fmt.Sprintf("int %d to %d", p.Min, p.Max)
	}
	return p.Type.String()
}

func meaning(p Property) string {
	text := strings.ReplaceAll(p.Doc, "|", `\|`)
	if p.Param != "" {
		text += fmt.Sprintf(" Kernel: `%s` (%s).", p.Param, p.ParamType)
	}
	if p.Aliases != nil {
		text += " Also read: `" + strings.Join(p.Aliases, "`, `") + "`."
	}
	return text
}

func cell(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}
