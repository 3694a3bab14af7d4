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

// parseValue reads text as p's type. A nil value is an explicit none.
func parseValue(p *Property, text string) (any, error) {
	switch p.Type {
	case TypeFree:
		return text, nil
	case TypeLimit:
		l, err := ParseLimits(p.Name, text)
		if err != nil || l == nil {
			return nil, err
		}
		return l, nil
	case TypeJailsys:
		if p.Name != "ip4" && p.Name != "ip6" && isNone(text) {
			return nil, nil
		}
		return wrap(ParseJailsys(text))
	case TypeResolver:
		if isNone(text) {
			return nil, nil
		}
		return wrap(ParseResolver(text))
	}
	if isNone(text) {
		return nil, nil
	}
	switch p.Type {
	case TypeText, TypeHostUUID:
		if p.Name == "osrelease" && len(text) > 30 {
			return nil, invalid("longer than 30 characters")
		}
		if strings.ContainsRune(text, 0) {
			return nil, invalid("contains a NUL")
		}
		return text, nil
	case TypeName:
		if err := ValidName(text); err != nil {
			return nil, err
		}
		return text, nil
	case TypeUUID:
		if !IsUUID(text) {
			return nil, invalid("expected a UUID")
		}
		return strings.ToLower(text), nil
	case TypeBool, TypeAutoBool:
		return wrap(ParseBool(text))
	case TypeInt:
		return wrap(parseInt(text, p.Min, p.Max))
	case TypeWord:
		for _, w := range p.Words {
			if strings.EqualFold(w, text) {
				return w, nil
			}
		}
		return nil, invalid("expected one of %s", strings.Join(p.Words, ", "))
	case TypeList:
		return splitList(text), nil
	case TypeWords:
		return strings.Fields(text), nil
	case TypeAddresses4, TypeAddresses6:
		return wrap(ParseAddresses(text, p.Type == TypeAddresses6))
	case TypeInterfaces:
		return wrap(ParseInterfaces(text))
	case TypeGateway4, TypeGateway6:
		return wrap(ParseGateway(text, p.Type == TypeGateway6))
	case TypeDepends:
		return wrap(parseDepends(text))
	case TypeMAC:
		return wrap(ParseMACPair(text))
	case TypeMTU:
		if strings.EqualFold(text, "auto") {
			return 0, nil
		}
		return wrap(parseInt(text, minMTU, maxMTU))
	case TypeSeconds:
		n, err := parseInt(text, 0, 1<<31-1)
		return time.Duration(n) * time.Second, err
	case TypeCPUSet:
		return wrap(ParseCPUSet(text))
	case TypeRuleset:
		return wrap(ParseRuleset(text))
	case TypeMACPrefix:
		return wrap(parseMACPrefix(text))
	}
	return nil, invalid("type %d has no reader", p.Type)
}

func wrap[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// checkValue holds what is refused when a value is set, although a file that
// has it loads.
func checkValue(v any) error {
	switch v := v.(type) {
	case Addresses:
		return checkAddresses(v)
	case Interfaces:
		return checkInterfaces(v)
	}
	return nil
}

// formatValue is the canonical text of a value in a store. Which words stand
// for a truth value depends on both: libioc's JSON has yes and no, its UCL and
// ZFS properties on and off, and numbers stay numbers.
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
