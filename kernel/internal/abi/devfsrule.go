package abi

import (
	"encoding/binary"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
)

// struct devfs_rule of sys/fs/devfs/devfs.h, equal on every architecture.
const (
	DevfsRuleSize   = 236
	devfsRuleMagic  = 0xdb0a087a
	devfsRuleID     = 4 // ruleset<<16 | rule
	devfsRuleCond   = 8
	devfsRuleTypes  = 12
	devfsRulePath   = 16
	devfsRulePathSz = 200
	devfsRuleActs   = 216
	devfsRuleBits   = 220
	devfsRuleUID    = 224
	devfsRuleGID    = 228
	devfsRuleMode   = 232
	devfsRuleIncl   = 234

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

func DevfsID(ruleset, number uint16) uint32 { return uint32(ruleset)<<16 | uint32(number) }

// encode is the rule as the kernel wants it. A pattern of 200 bytes and more
// would be cut short, so it is refused.
func EncodeDevfsRule(r kernel.DevfsRule, ruleset uint16) ([]byte, *kernel.CallError) {
	if len(r.Path) >= devfsRulePathSz {
		return nil, &kernel.CallError{Op: "DEVFSIO_RADD", Subject: r.Path, Errno: syscall.ENAMETOOLONG, Msg: "a path pattern has at most 199 bytes"}
	}
	b := make([]byte, DevfsRuleSize)
	put := binary.NativeEndian
	put.PutUint32(b, devfsRuleMagic)
	put.PutUint32(b[devfsRuleID:], DevfsID(ruleset, r.Number))
	var cond, acts, bits uint32
	if r.Types != 0 {
		cond |= devfsCondTypes
		put.PutUint32(b[devfsRuleTypes:], r.Types)
	}
	if r.Path != "" {
		cond |= devfsCondPath
		copy(b[devfsRulePath:], r.Path)
	}
	if r.Hide {
		bits |= devfsBitHide
	}
	if r.Unhide {
		bits |= devfsBitUnhide
	}
	if bits != 0 {
		acts |= devfsActBits
		put.PutUint32(b[devfsRuleBits:], bits)
	}
	if r.UID != nil {
		acts |= devfsActUID
		put.PutUint32(b[devfsRuleUID:], *r.UID)
	}
	if r.GID != nil {
		acts |= devfsActGID
		put.PutUint32(b[devfsRuleGID:], *r.GID)
	}
	if r.Mode != nil {
		acts |= devfsActMode
		put.PutUint16(b[devfsRuleMode:], *r.Mode)
	}
	if r.Include != 0 {
		acts |= devfsActIncl
		put.PutUint16(b[devfsRuleIncl:], r.Include)
	}
	put.PutUint32(b[devfsRuleCond:], cond)
	put.PutUint32(b[devfsRuleActs:], acts)
	return b, nil
}

// DecodeDevfsRule is the reverse.
func DecodeDevfsRule(b []byte) kernel.DevfsRule {
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	u16 := func(at int) uint16 { return binary.NativeEndian.Uint16(b[at:]) }
	r := kernel.DevfsRule{Number: uint16(u32(devfsRuleID))}
	cond, acts, bits := u32(devfsRuleCond), u32(devfsRuleActs), u32(devfsRuleBits)
	if cond&devfsCondTypes != 0 {
		r.Types = u32(devfsRuleTypes)
	}
	if cond&devfsCondPath != 0 {
		r.Path = CString(b[devfsRulePath : devfsRulePath+devfsRulePathSz])
	}
	if acts&devfsActBits != 0 {
		r.Hide, r.Unhide = bits&devfsBitHide != 0, bits&devfsBitUnhide != 0
	}
	if acts&devfsActUID != 0 {
		v := u32(devfsRuleUID)
		r.UID = &v
	}
	if acts&devfsActGID != 0 {
		v := u32(devfsRuleGID)
		r.GID = &v
	}
	if acts&devfsActMode != 0 {
		v := u16(devfsRuleMode)
		r.Mode = &v
	}
	if acts&devfsActIncl != 0 {
		r.Include = u16(devfsRuleIncl)
	}
	return r
}
