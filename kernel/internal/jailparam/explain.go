package jailparam

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/abi"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
)

// CheckValues refuses what the kernel would misread: text without its NUL
// or with one inside, and a path that is looked up from the program's working
// directory. Sizes and ranges are the kernel's to judge.
func CheckValues(flags kernel.SetFlags, params []kernel.Param, find func(string) (kernel.ParamInfo, bool)) *kernel.JailError {
	refuse := func(p kernel.Param, errno syscall.Errno, msg string) *kernel.JailError {
		return &kernel.JailError{Op: "jail_set", Name: precheck.JailName(params), Param: p.Name, Errno: errno, Msg: msg}
	}
	for _, p := range params {
		info, ok := find(p.Name)
		if !ok || info.Type != kernel.ParamString || p.Data == nil {
			continue
		}
		switch i := bytes.IndexByte(p.Data, 0); {
		case i < 0:
			return refuse(p, syscall.EINVAL, "text must end in a NUL")
		case i != len(p.Data)-1:
			return refuse(p, syscall.EINVAL, "text holds a NUL")
		}
		if p.Name == "path" && flags&kernel.JailUpdate == 0 && !filepath.IsAbs(abi.CString(p.Data)) && filepath.Separator == '/' {
			return refuse(p, syscall.ENOENT, "path is not absolute")
		}
	}
	return nil
}

// Facts are what Explain takes into account.
type Facts struct {
	Flags  kernel.SetFlags
	Params []kernel.Param
	Find   func(name string) (kernel.ParamInfo, bool)
	Root   bool // the caller's effective user is root
	Jailed bool // the caller is itself in a jail
}

// Explain returns an explanation, and if possible the parameter at fault, for an
// errno of jail_set(2) that came without an errmsg.
func Explain(errno syscall.Errno, f Facts) (param, msg string) {
	if errno == syscall.EPERM && !f.Root {
		return "", "only root may create or change jails"
	}
	for _, p := range f.Params {
		info, ok := f.Find(p.Name)
		if !ok {
			continue
		}
		if m := explainValue(errno, p, info); m != "" {
			return p.Name, m
		}
	}
	name := precheck.JailName(f.Params)
	switch errno {
	case syscall.EPERM:
		switch {
		case strings.Contains(name, "."):
			return "", "a jail may not have more than its parent " + name[:strings.LastIndexByte(name, '.')]
		case f.Jailed:
			return "", "this process is in a jail that may not do this (children.max, or more than it has itself)"
		}
	case syscall.EAGAIN:
		return "", "the caller's own jail is dying"
	case syscall.EINVAL:
		if f.Flags&^(kernel.JailCreate|kernel.JailUpdate|kernel.JailSetDead) != 0 {
			return "", "unknown flag"
		}
	}
	return "", ""
}

// aboutPath says what an errno means for the path.
var aboutPath = map[syscall.Errno]string{
	syscall.ENOENT:       "no such directory",
	syscall.ENOTDIR:      "not a directory",
	syscall.ELOOP:        "too many symbolic links",
	syscall.ENAMETOOLONG: "path is too long", // a component above 255 bytes, or after its links
}

// explainValue returns what is wrong with one value, or "" if the errno has another
// reason.
func explainValue(errno syscall.Errno, p kernel.Param, info kernel.ParamInfo) string {
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG:
		if errno == syscall.ENAMETOOLONG && info.Type == kernel.ParamString && info.Size > 0 && len(p.Data) > info.Size {
			return strconv.Itoa(len(p.Data)-1) + " bytes of text, at most " + strconv.Itoa(info.Size-1) + " are allowed"
		}
		if p.Name == "path" {
			return aboutPath[errno]
		}
	case syscall.EFBIG:
		if info.Type == kernel.ParamString {
			return "text is larger than the kernel allows"
		}
	case syscall.EINVAL:
		return explainInvalid(p, info)
	case syscall.EPERM:
		if p.Name == "ip4.addr" || p.Name == "ip6.addr" {
			return "an address that the parent jail does not have"
		}
	}
	return ""
}

func explainInvalid(p kernel.Param, info kernel.ParamInfo) string {
	switch info.Type {
	case kernel.ParamInt, kernel.ParamJailsys, kernel.ParamUlong:
		if len(p.Data) != info.Size {
			return "takes " + strconv.Itoa(info.Size) + " bytes, not " + strconv.Itoa(len(p.Data))
		}
	case kernel.ParamString:
		if len(p.Data) == 0 {
			return "needs a text"
		}
	case kernel.ParamAddr4, kernel.ParamAddr6:
		return explainAddrs(p.Data, info.Size)
	}
	if info.Type == kernel.ParamJailsys {
		switch v := abi.Int(p.Data); {
		case v < 0 || v > int64(kernel.JailSysInherit):
			return strconv.Itoa(int(v)) + " is not disable (0), new (1) or inherit (2)"
		case v == int64(kernel.JailSysDisable) && (p.Name == "host" || p.Name == "vnet"):
			return "cannot be disabled"
		}
	}
	if info.Type == kernel.ParamInt {
		v := abi.Int(p.Data)
		switch {
		case p.Name == "enforce_statfs" && (v < 0 || v > 2):
			return strconv.Itoa(int(v)) + " is not 0, 1 or 2"
		case p.Name == "devfs_ruleset" && (v < 0 || v > 65535):
			return strconv.Itoa(int(v)) + " is not 0 to 65535"
		}
	}
	return ""
}

func explainAddrs(data []byte, size int) string {
	if len(data)%size != 0 {
		return strconv.Itoa(len(data)) + " bytes are not a list of addresses of " + strconv.Itoa(size)
	}
	zero, ones := make([]byte, size), bytes.Repeat([]byte{0xff}, size)
	seen := map[string]bool{}
	for ; len(data) > 0; data = data[size:] {
		addr := data[:size]
		switch {
		case bytes.Equal(addr, zero):
			return "the unspecified address"
		case size == 4 && bytes.Equal(addr, ones):
			return "the broadcast address"
		case seen[string(addr)]:
			return "an address twice"
		}
		seen[string(addr)] = true
	}
	return ""
}

// Blamed returns the parameter that an errmsg of the kernel names, or "".
func Blamed(msg string) string {
	if name, ok := strings.CutPrefix(msg, "unknown parameter: "); ok {
		return name
	}
	if name, ok := strings.CutSuffix(msg, " cannot be changed after creation"); ok {
		return name
	}
	switch msg {
	case "too many IPv4 addresses", "IPv4 addresses clash":
		return "ip4.addr"
	case "too many IPv6 addresses", "IPv6 addresses clash":
		return "ip6.addr"
	case "cannot change jail's parent", "name cannot be numeric (unless it is the jid)":
		return "name"
	case "negative jid":
		return "jid"
	case "osreldate cannot be 0":
		return "osreldate"
	case "new jail must persist or attach":
		return "persist"
	}
	if strings.HasPrefix(msg, "osrelease string must be") {
		return "osrelease"
	}
	return ""
}
