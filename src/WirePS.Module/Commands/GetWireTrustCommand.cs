using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Shows every decision about trust that stands in a home, with those that take it away and those that only let somebody in who asks.</summary>
[Cmdlet(VerbsCommon.Get, "WireTrust")]
[OutputType(typeof(WireTrust))]
public sealed class GetWireTrustCommand : WireCmdlet
{
    /// <summary>Handles, DIDs, fingerprints, names of the allowlist, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Only what stands like this.</summary>
    [Parameter]
    [ValidateSet("Trusted", "Revoked", "RevokedByPeer", "Known", "Allowed", "Unbound")]
    public string[]? State { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var allowlist = engine.TrustPolicies.Allowlist();
        var peers = engine.Trust.ListAll();
        List<WireTrust> all =
        [
            .. peers.Select(p => WireTrust.Of(p, allowlist, engine)),
            .. allowlist.Agents.Where(a => !peers.Any(p => a.Key is not null && p.PublicKey.AsSpan().SequenceEqual(a.Key))).Select(a => WireTrust.Of(a, engine)),
            .. engine.TrustExchange.Unbound().Select(u => WireTrust.Of(u, engine)),
        ];
        foreach (var name in Name ?? ["*"])
        {
            await TryAsync(() =>
            {
                var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
                var found = all.FindAll(t => Fits(t, name, pattern));
                if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
                {
                    throw new WireException(WireReason.PeerNotFound, null, name);
                }

                WriteObject(found.FindAll(t => State?.Contains(t.State, StringComparer.OrdinalIgnoreCase) != false), enumerateCollection: true);
                return Task.CompletedTask;
            });
        }
    }

    private static bool Fits(WireTrust trust, string name, WildcardPattern pattern) =>
        ((string?[])[trust.Handle, trust.Did, trust.Fingerprint, trust.Agent]).Any(text => text is not null && pattern.IsMatch(text))
        || string.Equals(trust.Fingerprint?.Replace(" ", "", StringComparison.Ordinal), name.Replace(" ", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
}
