using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Says whether somebody is trusted here, with this key.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WireTrust")]
[OutputType(typeof(bool))]
public sealed class TestWireTrustCommand : WireCmdlet
{
    /// <summary>A handle, a DID or a fingerprint.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Did", "PeerDid")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string Name { get; set; } = "";

    /// <summary>The fingerprint that its key must have, with or without spaces.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("PeerFingerprint")]
    [ValidateNotNullOrEmpty]
    public string? Fingerprint { get; set; }

    /// <inheritdoc/>
    protected override bool LooksOnly => true;

    /// <inheritdoc/>
    protected override Task ProcessAsync() => TryAsync(() =>
    {
        var peer = PeerNames.FindOne(Engine.Peers.List(), Name);
        WriteObject(peer is { IsTrusted: true } && (Fingerprint is null || PeerNames.IsFingerprint(peer, Fingerprint)));
        return Task.CompletedTask;
    });
}
