package abi

import (
	"encoding/binary"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// devfsRule is struct devfs_rule of sys/fs/devfs/devfs.h, equal on every
// architecture.
type devfsRule struct {
	Magic   uint32
	ID      uint32 // ruleset<<16 | rule
	Cond    uint32
	Types   uint32
	Path    [200]byte
	Acts    uint32
	Bits    uint32
	UID     uint32
	GID     uint32
	Mode    uint16
	Include uint16
}

// DevfsRuleSize is the size of struct devfs_rule.
const DevfsRuleSize = 236

const (
	devfsRuleMagic = 0xdb0a087a

	devfsCondTypes = 1
	devfsCondPath  = 2

	devfsActBits = 1
	devfsActUID  = 2
	devfsActGID  = 4
	devfsActMode = 8
	devfsActIncl = 0x10

	devfsBitHide   = 1
	devfsBitUnhide = 2
)

// ioctls on the root directory of a devfs.
const (
	DEVFSIORAdd     = 0xc0ec4400
	DEVFSIORDel     = 0x80044401
	DEVFSIORGetNext = 0xc0ec4404
	DEVFSIOSApply   = 0x8002440b
	DEVFSIOSGetNext = 0xc002440c
)

// DevfsID returns the number by which the kernel knows a rule.
func DevfsID(ruleset, number uint16) uint32 { return uint32(ruleset)<<16 | uint32(number) }

// EncodeDevfsRule returns the rule as the kernel takes it. A pattern of 200 bytes
// or more would be cut short, so it is refused.
func EncodeDevfsRule(r kernel.DevfsRule, ruleset uint16) ([]byte, *kernel.CallError) {
	rule := devfsRule{Magic: devfsRuleMagic, ID: DevfsID(ruleset, r.Number), Types: r.Types, Include: r.Include}
	if len(r.Path) >= len(rule.Path) {
		return nil, &kernel.CallError{Op: "DEVFSIO_RADD", Subject: r.Path, Errno: syscall.ENAMETOOLONG, Msg: "a path pattern has at most 199 bytes"}
	}
	copy(rule.Path[:], r.Path)
	set := func(field *uint32, bit uint32, on bool) {
		if on {
			*field |= bit
		}
	}
	set(&rule.Cond, devfsCondTypes, r.Types != 0)
	set(&rule.Cond, devfsCondPath, r.Path != "")
	set(&rule.Bits, devfsBitHide, r.Hide)
	set(&rule.Bits, devfsBitUnhide, r.Unhide)
	set(&rule.Acts, devfsActBits, rule.Bits != 0)
	set(&rule.Acts, devfsActIncl, r.Include != 0)
	if r.UID != nil {
		rule.UID, rule.Acts = *r.UID, rule.Acts|devfsActUID
	}
	if r.GID != nil {
		rule.GID, rule.Acts = *r.GID, rule.Acts|devfsActGID
	}
	if r.Mode != nil {
		rule.Mode, rule.Acts = *r.Mode, rule.Acts|devfsActMode
	}
	b, _ := binary.Append(nil, binary.NativeEndian, rule) // of a fixed size
	return b, nil
}

// DecodeDevfsRule is the reverse of EncodeDevfsRule.
func DecodeDevfsRule(b []byte) kernel.DevfsRule {
	var rule devfsRule
	_, _ = binary.Decode(b, binary.NativeEndian, &rule) // of a fixed size
	r := kernel.DevfsRule{Number: uint16(rule.ID)}
	if rule.Cond&devfsCondTypes != 0 {
		r.Types = rule.Types
	}
	if rule.Cond&devfsCondPath != 0 {
		r.Path = CString(rule.Path[:])
	}
	if rule.Acts&devfsActBits != 0 {
		r.Hide, r.Unhide = rule.Bits&devfsBitHide != 0, rule.Bits&devfsBitUnhide != 0
	}
	if rule.Acts&devfsActUID != 0 {
		r.UID = &rule.UID
	}
	if rule.Acts&devfsActGID != 0 {
		r.GID = &rule.GID
	}
	if rule.Acts&devfsActMode != 0 {
		r.Mode = &rule.Mode
	}
	if rule.Acts&devfsActIncl != 0 {
		r.Include = rule.Include
	}
	return r
}
