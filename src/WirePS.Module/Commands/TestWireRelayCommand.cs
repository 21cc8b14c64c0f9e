using System.Diagnostics;
using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Relay;

namespace WirePS.Module.Commands;

/// <summary>Asks a relay whether it is there, and what it is.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WireRelay")]
[OutputType(typeof(WireRelayHealth))]
public sealed class TestWireRelayCommand : WireCmdlet
{
    /// <summary>The relay; nothing for the home's own.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Relay")]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <inheritdoc/>
    protected override Task ProcessAsync() => TryAsync(async () =>
    {
        // A look does no harm over plain http; the advice says what it means.
        var url = Engine.Settings.ResolveRelay(Url, allowInsecure: true);
        try
        {
            var relay = Engine.Relays.To(url);
            await relay.CheckHealthAsync(Cancellation);
            var asked = Stopwatch.GetTimestamp();
            var info = await relay.GetInfoAsync(Cancellation);
            WriteObject(new WireRelayHealth
            {
                Url = url,
                Healthy = true,
                Version = info?.Version,
                RelayId = info?.RelayId,
                Protocols = [.. info?.Protocols ?? ["v1"]],
                LatencyMs = Math.Round(Stopwatch.GetElapsedTime(asked).TotalMilliseconds, 1),
                ClockSkew = relay.ClockSkew,
                Advice = WireRelayHealth.AdviceFor(url, info, ClockSkew.Describe(Engine.Time.GetUtcNow(), relay.ClockSkew)),
            });
        }
        catch (WireException error) when (error.Reason.ToString().StartsWith("Relay", StringComparison.Ordinal))
        {
            WriteObject(new WireRelayHealth { Url = url, Reason = error.Reason.ToString(), Advice = WireRelayHealth.AdviceFor(error) });
        }
    });
}
