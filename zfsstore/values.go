package zfsstore

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of user properties: ZAP_MAXNAMELEN and ZAP_MAXVALUELEN less one.
const (
	maxPropertyName  = 255
	maxPropertyValue = 8191
)

// nativesOf is the table of native properties of a version, and its order.
func nativesOf(v version) (map[string]nativeProperty, []string) {
	table := make(map[string]nativeProperty)
	var order []string
	for _, p := range append(nativeProperties[:len(nativeProperties):len(nativeProperties)], v.properties...) {
		if def, ok := v.defaults[p.name]; ok {
			p.def = def
		}
		if values, ok := v.values[p.name]; ok {
			p.values = values
		}
		table[p.name] = p
		order = append(order, p.name)
	}
	return table, order
}

func isUserProperty(name string) bool { return strings.Contains(name, ":") }

// validUserName tells whether ZFS takes a user property of that name: lower
// case letters, digits and punctuation (zfsprops(7), User Properties).
func validUserName(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(":+._-", c) >= 0) {
			return false
		}
	}
	return isUserProperty(name)
}

// checkUser returns what ZFS has to say against a user property, or "".
func checkUser(name, value string) string {
	switch {
	case !validUserName(name):
		return fmt.Sprintf("invalid property '%s'", name)
	case len(name) > maxPropertyName:
		return fmt.Sprintf("property name '%s' is too long", name)
	case len(value) > maxPropertyValue:
		return "property value too long"
	}
	return ""
}

func typeFlag(t Type) propertyFlags {
	return map[Type]propertyFlags{Filesystem: onFS, Volume: onVol, Snapshot: onSnap}[t]
}

// checkNative returns the value as zfs-get -p prints it, or what ZFS has to
// say against setting it.
func (p nativeProperty) check(t Type, value string, creating bool) (normal, words string) {
	switch {
	case p.flags&editable == 0 && !(creating && p.flags&atCreation != 0):
		return "", fmt.Sprintf("'%s' is readonly", p.name)
	case p.flags&typeFlag(t) == 0:
		return "", fmt.Sprintf("'%s' does not apply to datasets of this type", p.name)
	case p.name == "mountpoint":
		if value != "none" && value != "legacy" && !strings.HasPrefix(value, "/") {
			return "", "'mountpoint' must be an absolute path, 'none', or 'legacy'"
		}
		if len(value) > 1 {
			value = strings.TrimRight(value, "/")
		}
		return value, ""
	case strings.HasPrefix(p.values, "<size>"), strings.HasPrefix(p.values, "<count>"):
		if value == "none" {
			return p.def, ""
		}
		fallthrough
	case strings.HasPrefix(p.values, "512 to"), strings.HasPrefix(p.values, "zero or"), strings.HasPrefix(p.values, "0 to"):
		n, ok := parseSize(value)
		if !ok {
			return "", fmt.Sprintf("bad numeric value '%s'", value)
		}
		if strings.HasSuffix(p.values, "power of 2") && (n&(n-1) != 0 || n != 0 && n < 512) {
			return "", fmt.Sprintf("'%s' must be power of 2 from 512B to 1M", p.name)
		}
		return strconv.FormatUint(n, 10), ""
	case strings.Contains(p.values, "<"), strings.Contains(p.values, "share options"):
		return value, ""
	}
	for choice := range strings.SplitSeq(p.values, " | ") {
		if matchChoice(choice, value) {
			return value, ""
		}
	}
	return "", fmt.Sprintf("'%s' must be one of '%s'", p.name, p.values)
}

// matchChoice matches one alternative of zfs-get's usage text: "lz4",
// "gzip-[1-9]", "zstd-fast-[1-10,20,...]" or "sha256[,verify]".
func matchChoice(choice, value string) bool {
	head, list, found := strings.Cut(strings.TrimSuffix(choice, "]"), "[")
	if !found {
		return choice == value
	}
	tail, ok := strings.CutPrefix(value, head)
	if !ok {
		return false
	}
	if strings.HasPrefix(list, ",") {
		return tail == "" || tail == list
	}
	n, err := strconv.Atoi(tail)
	if err != nil {
		return false
	}
	for span := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(span, "-")
		low, _ := strconv.Atoi(from)
		high := low
		if isRange {
			high, _ = strconv.Atoi(to)
		}
		if low <= n && n <= high {
			return true
		}
	}
	return false
}

// parseSize reads a number of bytes with an optional unit of zfs(8): K, M, G,
// T, P, E, with or without B or iB behind.
func parseSize(s string) (uint64, bool) {
	digits := strings.TrimRight(s, "bBiIkKmMgGtTpPeE")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(s[len(digits):]), "B"), "I")
	shift := 10 * (strings.Index("KMGTPE", unit) + 1)
	if unit == "" {
		shift = 0
	} else if len(unit) != 1 || shift == 0 {
		return 0, false
	}
	if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return n << shift, n<<shift>>shift == n
	}
	f, err := strconv.ParseFloat(digits, 64)
	if f *= math.Pow(2, float64(shift)); err != nil || !(f >= 0 && f < math.MaxUint64) {
		return 0, false
	}
	return uint64(f), true
}
