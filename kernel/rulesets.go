package kernel

import "context"

// DevfsRule is one rule of a devfs ruleset in the kernel, devfs(8). A field
// that is zero or nil is no condition or no action.
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

// Rulesets is the rule subsystem of devfs(5), which rules of /etc/devfs.rules
// reach only through these calls or devfs(8).
type Rulesets interface {
	// DevfsRulesets lists the rulesets that exist in the kernel.
	DevfsRulesets(ctx context.Context) ([]uint16, error)
	// DevfsRules lists the rules of one; a ruleset that is not there has none.
	DevfsRules(ctx context.Context, ruleset uint16) ([]DevfsRule, error)
	// DevfsAddRule adds one rule; EEXIST when the number is taken, ESRCH when
	// an included ruleset is missing.
	DevfsAddRule(ctx context.Context, ruleset uint16, rule DevfsRule) error
	// DevfsDeleteRules deletes all rules of a ruleset, after which it is gone.
	DevfsDeleteRules(ctx context.Context, ruleset uint16) error
	// DevfsApply applies a ruleset to the devfs mounted at path.
	DevfsApply(ctx context.Context, path string, ruleset uint16) error
}
