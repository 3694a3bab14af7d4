package events

// Events of provisioning.

// JailProvisioning reports that a jail is provisioned.
type JailProvisioning struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Method string `json:"method"` // for example puppet or ix
}

// JailProvisioningAssetDownload reports that something is downloaded to
// provision a jail.
type JailProvisioningAssetDownload struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Asset    string `json:"asset"`    // name or URL
	Received int64  `json:"received"` // bytes so far
	Total    int64  `json:"total"`    // bytes in all, 0 if not known
}

// R10kDeployEvent reports that r10k deploys a control repository.
type R10kDeployEvent struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Repository string `json:"repository"`
}

// PuppetApplyEvent reports that puppet applies a manifest in a jail.
type PuppetApplyEvent struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Manifest string `json:"manifest"`
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}
