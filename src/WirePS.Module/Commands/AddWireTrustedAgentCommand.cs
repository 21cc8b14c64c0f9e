using System.Management.Automation;
using WirePS.Cryptography;
using WirePS.Handshakes;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Trusts an agent when it asks, if it has the key.</summary>
[Cmdlet(VerbsCommon.Add, "WireTrustedAgent", SupportsShouldProcess = true, DefaultParameterSetName = "Key")]
[OutputType(typeof(WireTrustedAgent))]
public sealed class AddWireTrustedAgentCommand : WireCmdlet
{
    /// <summary>A name for it here.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ValidateLength(1, 128)]
    public string Name { get; set; } = "";

    /// <summary>The key that it must have: 32 bytes as base64 or as 64 hex digits.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = "Key", ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string PublicKey { get; set; } = "";

    /// <summary>Where a directory has it, <c>handle@relay</c>: the key that the relay names now is kept as the one it must have.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Address")]
    [ValidateNotNullOrEmpty]
    public string Address { get; set; } = "";

    /// <summary>The relay, where the address does not say.</summary>
    [Parameter(ParameterSetName = "Address")]
    [ValidateNotNullOrEmpty]
    public string? Relay { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter(ParameterSetName = "Address")]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <summary>The DID that it must have besides the key.</summary>
    [Parameter(ParameterSetName = "Key", ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Did { get; set; }

    /// <summary>The node id that it must have besides the key; 0 for any.</summary>
    [Parameter(ParameterSetName = "Key", ValueFromPipelineByPropertyName = true)]
    public uint NodeId { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var agent = ParameterSetName == "Address" ? await FindAsync(engine) : new TrustedAgent { Name = Name, Key = ParseKey(PublicKey), Did = Did, NodeId = NodeId };
        if (ShouldProcess($"{Name}, {Identity.Fingerprint.Display(agent.Key)}", "Trust without a person when it asks"))
        {
            WriteObject(WireTrustedAgent.Of(await engine.TrustPolicies.AddAsync(agent, Cancellation), engine));
        }
    }

    private async Task<TrustedAgent> FindAsync(WireEngine engine)
    {
        var (handle, relay) = HandleAddress.Parse(Address, Relay, AllowInsecureRelay, engine.Settings);
        var found = await engine.Directory.FindAsync(relay, handle, Cancellation) ?? throw Missing.Of(WireReason.HandleNotFound, "Nobody has the handle {0} at the relay.", Address);
        return new TrustedAgent { Name = Name, Key = found.Card.PublicKey, Did = found.Card.Did };
    }

    private static byte[] ParseKey(string text)
    {
        var key = text.Length == Ed25519.PublicKeyBytes * 2 && text.All(char.IsAsciiHexDigit) ? Convert.FromHexString(text)
            : StrictBase64.TryDecode(text, Ed25519.PublicKeyBytes, out var bytes) ? bytes
            : null;
        return key is not null && Ed25519.IsValidPublicKey(key) ? key : throw new WireException(WireReason.InvalidKey);
    }
}
