package precheck

import (
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// The longest anchor: MAXPATHLEN of an anchor is larger, but pfctl(8) copies
// the path into the 64 bytes of PF_ANCHOR_NAME_SIZE.
const pfAnchorMax = 63

// Ipfw refuses what would be read as more than one rule of one set.
func Ipfw(set int, rules []kernel.IpfwRule) error {
	refuse := func(subject, msg string) error {
		return &kernel.CallError{Op: "ipfw", Subject: subject, Errno: syscall.EINVAL, Msg: msg}
	}
	if set < 0 || set > 31 {
		return refuse(strconv.Itoa(set), "sets are numbered 0 to 31")
	}
	for _, r := range rules {
		switch {
		case r.Number < 1 || r.Number > 65534:
			return refuse(strconv.Itoa(r.Number), "rules are numbered 1 to 65534")
		case strings.TrimSpace(r.Body) == "" || strings.ContainsAny(r.Body+r.Comment, "\n\x00") || strings.Contains(r.Body, "//"):
			return refuse(r.Body, "not one rule")
		}
	}
	return nil
}

// Anchor refuses a path that pfctl(8) would cut or take for another.
func Anchor(anchor string) error {
	e := &kernel.CallError{Op: "pfctl", Subject: anchor, Errno: syscall.EINVAL}
	switch {
	case len(anchor) > pfAnchorMax:
		e.Errno, e.Msg = syscall.ENAMETOOLONG, "an anchor has at most 63 bytes"
	case anchor == "" || anchor[0] == '/' || strings.HasSuffix(anchor, "/") || strings.Contains(anchor, "//"):
		e.Msg = "not the path of an anchor"
	case strings.ContainsAny(anchor, "*\"\n\x00") || anchor[0] == '-':
		e.Msg = "an anchor's name has no asterisk, quote or control character"
	default:
		return nil
	}
	return e
}
