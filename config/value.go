package config

import (
	"strconv"
	"strings"
	"time"
)

// minMTU is IPv4's (RFC 791); the kernel's limits depend on the interface.
const (
	minMTU = 68
	maxMTU = 65535
)

// types has the name of each Type and the reader of its text. A nil value is an
// explicit none.
var types = [...]struct {
	name string
	read func(p *Property, text string) (any, error)
}{
	TypeText:       {"text", orNone(readText)},
	TypeFree:       {"free text", func(_ *Property, text string) (any, error) { return text, nil }},
	TypeName:       {"name", orNone(func(_ *Property, text string) (any, error) { return result(text, ValidName(text)) })},
	TypeBool:       {"bool", parsed(ParseBool)},
	TypeAutoBool:   {"bool or auto", parsed(ParseBool)},
	TypeInt:        {"int", orNone(func(p *Property, text string) (any, error) { return result(parseInt(text, p.Min, p.Max)) })},
	TypeWord:       {"word", orNone(readWord)},
	TypeJailsys:    {"jailsys", readJailsys},
	TypeUUID:       {"uuid", orNone(readUUID)},
	TypeHostUUID:   {"uuid or name", orNone(readText)},
	TypeList:       {"list", items(splitList)},
	TypeWords:      {"words", items(strings.Fields)},
	TypeAddresses4: {"IPv4 addresses", ofFamily(parseAddresses, false)},
	TypeAddresses6: {"IPv6 addresses", ofFamily(parseAddresses, true)},
	TypeInterfaces: {"interfaces", parsed(parseInterfaces)},
	TypeGateway4:   {"IPv4 gateway", ofFamily(ParseGateway, false)},
	TypeGateway6:   {"IPv6 gateway", ofFamily(ParseGateway, true)},
	TypeResolver:   {"resolver", parsed(parseResolver)},
	TypeDepends:    {"depends", parsed(parseDepends)},
	TypeLimit:      {"limit", readLimits},
	TypeMAC:        {"MAC pair", parsed(parseMACPair)},
	TypeMTU:        {"MTU", orNone(readMTU)},
	TypeSeconds:    {"seconds", orNone(readSeconds)},
	TypeCPUSet:     {"cpuset", parsed(parseCPUSet)},
	TypeRuleset:    {"devfs ruleset", parsed(parseRuleset)},
	TypeMACPrefix:  {"MAC prefix", parsed(parseMACPrefix)},
	TypeNICs:       {"interfaces of the host", items(splitNICs)},
	TypeForm:       {"form", orNone(func(p *Property, text string) (any, error) { return result(text, p.check(text)) })},
}

// parseValue reads text as p's type. A nil value is an explicit none.
func parseValue(p *Property, text string) (any, error) { return types[p.Type].read(p, text) }

type reader = func(p *Property, text string) (any, error)

// orNone reads none words as nil, and other text with read.
func orNone(read reader) reader {
	return func(p *Property, text string) (any, error) {
		if isNone(text) {
			return nil, nil
		}
		return read(p, text)
	}
}

// parsed reads with a parser that needs only the text.
func parsed[T any](parse func(string) (T, error)) reader {
	return orNone(func(_ *Property, text string) (any, error) { return result(parse(text)) })
}

// ofFamily reads with a parser for one family of addresses.
func ofFamily[T any](parse func(text string, v6 bool) (T, error), v6 bool) reader {
	return parsed(func(text string) (T, error) { return parse(text, v6) })
}

// splitNICs splits at commas and blanks, which no name of an interface has.
func splitNICs(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

// items reads a list; a lone comma is an empty one.
func items(split func(string) []string) reader {
	read := orNone(func(_ *Property, text string) (any, error) { return split(text), nil })
	return func(p *Property, text string) (any, error) {
		if text = strings.TrimSpace(text); text == "," {
			return nil, nil
		}
		return read(p, text)
	}
}

func readText(p *Property, text string) (any, error) {
	if p.Name == "osrelease" && len(text) > 30 {
		return nil, invalid("longer than 30 characters")
	}
	if strings.ContainsRune(text, 0) {
		return nil, invalid("contains a NUL")
	}
	return text, nil
}

func readWord(p *Property, text string) (any, error) {
	for _, w := range p.Words {
		if strings.EqualFold(w, text) {
			return w, nil
		}
	}
	return nil, invalid("expected one of %s", strings.Join(p.Words, ", "))
}

// readJailsys: of ip4 and ip6, none is a state, see ParseJailsys.
func readJailsys(p *Property, text string) (any, error) {
	if p.Name != "ip4" && p.Name != "ip6" && isNone(text) {
		return nil, nil
	}
	return result(ParseJailsys(text))
}

func readUUID(_ *Property, text string) (any, error) {
	if !IsUUID(text) {
		return nil, invalid("expected a UUID")
	}
	return strings.ToLower(text), nil
}

func readLimits(p *Property, text string) (any, error) {
	l, err := parseLimits(p.Name, text)
	if err != nil || l == nil {
		return nil, err
	}
	return l, nil
}

func readMTU(_ *Property, text string) (any, error) {
	if strings.EqualFold(text, "auto") {
		return 0, nil
	}
	return result(parseInt(text, minMTU, maxMTU))
}

func readSeconds(_ *Property, text string) (any, error) {
	n, err := parseInt(text, 0, 1<<31-1)
	return result(time.Duration(n)*time.Second, err)
}

// result returns a parser's value, nil if it failed.
func result[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// checkValue rejects values that may not be set, although a file with one loads.
func checkValue(v any) error {
	switch v := v.(type) {
	case Addresses:
		return checkAddresses(v)
	case Interfaces:
		return checkInterfaces(v)
	}
	return nil
}

// formatValue returns the canonical text of a value in a store. The words for a
// truth value depend on both: libioc's JSON has yes and no, its UCL and ZFS
// properties on and off, and numbers stay numbers.
func formatValue(p *Property, v any, store Format) string {
	switch v := v.(type) {
	case nil:
		if p.Type == TypeLimit {
			return "off"
		}
		return "none"
	case bool:
		return boolText(p.form, v, store)
	case string:
		return v
	case int:
		if p.Type == TypeMTU && v == 0 {
			return "auto"
		}
		return strconv.Itoa(v)
	case time.Duration:
		return strconv.Itoa(int(v / time.Second))
	case []string:
		if p.Type == TypeWords && len(v) > 0 {
			return strings.Join(v, " ")
		}
		return joinList(v)
	case interface{ String() string }:
		return v.String()
	}
	return ""
}

func boolText(form boolForm, v bool, store Format) string {
	words := [2]string{"no", "yes"}
	switch {
	case form == formDigit, form == formMount && store != JSON:
		words = [2]string{"0", "1"}
	case form == formYes && store != JSON:
		words = [2]string{"off", "on"}
	}
	if v {
		return words[1]
	}
	return words[0]
}
