package zfsprop

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
)

// Limits of user properties: ZAP_MAXNAMELEN and ZAP_MAXVALUELEN less one.
const (
	maxPropertyName  = 255
	maxPropertyValue = 8191
)

// ValidUserName reports whether ZFS accepts a user property of that name: lower
// case letters, digits and punctuation, a colon among it (zfsprops(7), User
// Properties).
func ValidUserName(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(":+._-", c) >= 0) {
			return false
		}
	}
	return strings.Contains(name, ":")
}

// CheckUser returns the words of ZFS against a user property, or "".
func CheckUser(name, value string) string {
	switch {
	case !ValidUserName(name):
		return fmt.Sprintf("invalid property '%s'", name)
	case len(name) > maxPropertyName:
		return fmt.Sprintf("property name '%s' is too long", name)
	case len(value) > maxPropertyValue:
		return "property value too long"
	}
	return ""
}

// TypeFlag returns the flag of the properties that a type of dataset has.
func TypeFlag(t zfsstore.Type) Flags {
	return map[zfsstore.Type]Flags{zfsstore.Filesystem: OnFS, zfsstore.Volume: OnVol, zfsstore.Snapshot: OnSnap}[t]
}

// Check returns the value as zfs-get -p prints it, or the words of ZFS against
// setting it.
func (p Native) Check(t zfsstore.Type, value string, creating bool) (normal, words string) {
	switch {
	case p.Flags&Editable == 0 && !(creating && p.Flags&AtCreation != 0):
		return "", fmt.Sprintf("'%s' is readonly", p.Name)
	case p.Flags&TypeFlag(t) == 0:
		return "", fmt.Sprintf("'%s' does not apply to datasets of this type", p.Name)
	case p.Name == "mountpoint":
		if value != "none" && value != "legacy" && !strings.HasPrefix(value, "/") {
			return "", "'mountpoint' must be an absolute path, 'none', or 'legacy'"
		}
		if len(value) > 1 {
			value = strings.TrimRight(value, "/")
		}
		return value, ""
	case strings.HasPrefix(p.values, "<size>"), strings.HasPrefix(p.values, "<count>"):
		if value == "none" {
			return p.Default, ""
		}
		fallthrough
	case strings.HasPrefix(p.values, "512 to"), strings.HasPrefix(p.values, "zero or"), strings.HasPrefix(p.values, "0 to"):
		n, ok := ParseSize(value)
		if !ok {
			return "", fmt.Sprintf("bad numeric value '%s'", value)
		}
		if strings.HasSuffix(p.values, "power of 2") && (n&(n-1) != 0 || n != 0 && n < 512) {
			return "", fmt.Sprintf("'%s' must be power of 2 from 512B to 1M", p.Name)
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
	return "", fmt.Sprintf("'%s' must be one of '%s'", p.Name, p.values)
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

// ParseSize reads a number of bytes with an optional unit of zfs(8): K, M, G,
// T, P or E, alone or followed by B or iB.
func ParseSize(s string) (uint64, bool) {
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
