package kernel

import "context"

// DevfsRule is one rule of a devfs ruleset in the kernel, devfs(8). A zero field is
// no condition and no action.
type DevfsRule struct {
	Number  uint16  `json:"number"`            // 0 lets the kernel choose: last + 100
	Path    string  `json:"path,omitempty"`    // fnmatch(3) pattern below /dev, at most 199 bytes
	Types   uint32  `json:"types,omitempty"`   // DevTape, DevDisk, DevTTY, DevMem
	Hide    bool    `json:"hide,omitempty"`    // hide the nodes
	Unhide  bool    `json:"unhide,omitempty"`  // show them again
	UID     *uint32 `json:"uid,omitempty"`     // set the owner
	GID     *uint32 `json:"gid,omitempty"`     // set the group
	Mode    *uint16 `json:"mode,omitempty"`    // set the mode
	Include uint16  `json:"include,omitempty"` // apply another ruleset
}

// Device types of DevfsRule.Types.
const (
	DevTape uint32 = 1
	DevDisk uint32 = 2
	DevTTY  uint32 = 4
	DevMem  uint32 = 8
)

// Rulesets are the devfs(5) rulesets in the kernel. The rules of /etc/devfs.rules
// have no effect until these calls or devfs(8) add them.
type Rulesets interface {
	// DevfsRulesets lists the rulesets that exist in the kernel.
	DevfsRulesets(ctx context.Context) ([]uint16, error)
	// DevfsRules lists the rules of a ruleset, none if it does not exist.
	DevfsRules(ctx context.Context, ruleset uint16) ([]DevfsRule, error)
	// DevfsAddRule adds one rule. It fails with EEXIST if the number is in use
	// and with ESRCH if an included ruleset is missing.
	DevfsAddRule(ctx context.Context, ruleset uint16, rule DevfsRule) error
	// DevfsDeleteRules deletes all rules of a ruleset, and so the ruleset.
	DevfsDeleteRules(ctx context.Context, ruleset uint16) error
	// DevfsApply applies a ruleset to the devfs mounted at path.
	DevfsApply(ctx context.Context, path string, ruleset uint16) error
}
