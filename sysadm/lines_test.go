package sysadm

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestTextObject: the vectors of the rule to which the documents owe their keys.
func TestTextObject(t *testing.T) {
	for line, want := range map[string][2]string{
		"  + Starting services        OK":                 {"+ Starting services OK", ""},
		"  INFO: u (test) is already up":                  {"INFO", " u (test) is already up"},
		"  Successfully created: u (2016-02-09@23:47:04)": {"Successfully created", " u (2016-02-09@23"},
		"gitlocation:https://github.com":                  {"gitlocation", "https"},
		"memoryuse:8G:log":                                {"memoryuse", "8G"},
		"pool: tank":                                      {"pool", " tank"},
		"hi":                                              {"hi", ""},
		"\t a \t b :  c  ":                                {"a b ", " c"},
		"  ERROR: multiple jails matching name: x!":       {"ERROR", " multiple jails matching name"},
		"  + Removing jail processFAILED":                 {"+ Removing jail processFAILED", ""},
		"  (disable template flag with: iocage set template=no x)": {"(disable template flag with", " iocage set template=no x)"},
	} {
		require.Equal(t, object{want[0]: want[1]}, textObject([]string{line}), line)
	}
	// Up to the first empty line, and the last of equal keys wins.
	require.Equal(t, object{"a": "2", "b": ""}, textObject([]string{"a:1", "b", "a:2", "  ", "c"}))
	require.Equal(t, object{}, textObject(nil))
}

func TestTextValue(t *testing.T) {
	for _, c := range [][3]string{
		{"last_started", "2016-02-10_20:16:04", "2016-02-10_20"},
		{"interfaces", "vnet0:bridge0,vnet1:bridge1", "vnet0"},
		{"exec_start", "/bin/sh  /etc/rc", "/bin/sh /etc/rc"},
		{"notes", "", ""},
	} {
		require.Equal(t, c[2], textValue(c[0], c[1]), c)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"namespace":"sysadm","name":"iocage","id":"x","args":{"action":"df"}}`))
	f.Add([]byte(`{"id":1,"args":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, ok := decode(data)
		if !ok {
			return
		}
		require.True(t, utf8.Valid(data))
		members(r.args)
		texts(r.args)
		encode(r.reply(ok200()), true)
	})
}

func ok200() answer { return ok(object{}) }
