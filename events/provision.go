package events

// Events of provisioning.

// JailProvisioning tells that a jail is provisioned.
type JailProvisioning struct {
	Header `json:"-"`
	Jail   string `json:"jail"`
	Method string `json:"method"` // for example puppet or ix
}

// Type returns "JailProvisioning".
func (JailProvisioning) Type() string { return "JailProvisioning" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailProvisioning) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailProvisioning) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailProvisioning) subject() string              { return e.Jail }

// JailProvisioningAssetDownload tells that something is downloaded to
// provision a jail.
type JailProvisioningAssetDownload struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Asset    string `json:"asset"`    // name or URL
	Received int64  `json:"received"` // bytes so far
	Total    int64  `json:"total"`    // bytes in all, 0 if not known
}

// Type returns "JailProvisioningAssetDownload".
func (JailProvisioningAssetDownload) Type() string { return "JailProvisioningAssetDownload" }

// MarshalJSON returns the wire form, see [Marshal].
func (e JailProvisioningAssetDownload) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e JailProvisioningAssetDownload) with(h Header) IocEvent       { e.Header = h; return e }
func (e JailProvisioningAssetDownload) subject() string              { return e.Jail }

// R10kDeployEvent tells that r10k deploys a control repository.
type R10kDeployEvent struct {
	Header     `json:"-"`
	Jail       string `json:"jail"`
	Repository string `json:"repository"`
}

// Type returns "R10kDeployEvent".
func (R10kDeployEvent) Type() string { return "R10kDeployEvent" }

// MarshalJSON returns the wire form, see [Marshal].
func (e R10kDeployEvent) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e R10kDeployEvent) with(h Header) IocEvent       { e.Header = h; return e }
func (e R10kDeployEvent) subject() string              { return e.Jail }

// PuppetApplyEvent tells that puppet applies a manifest in a jail.
type PuppetApplyEvent struct {
	Header   `json:"-"`
	Jail     string `json:"jail"`
	Manifest string `json:"manifest"`
	ExitCode int    `json:"exit_code"` // -1 if a signal ended it
}

// Type returns "PuppetApplyEvent".
func (PuppetApplyEvent) Type() string { return "PuppetApplyEvent" }

// MarshalJSON returns the wire form, see [Marshal].
func (e PuppetApplyEvent) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e PuppetApplyEvent) with(h Header) IocEvent       { e.Header = h; return e }
func (e PuppetApplyEvent) subject() string              { return e.Jail }
