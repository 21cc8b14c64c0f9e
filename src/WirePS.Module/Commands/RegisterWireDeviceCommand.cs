using System.Management.Automation;
using WirePS.Devices;
using WirePS.Module.Binding;
using WirePS.Module.Ceremony;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;
using Home = WirePS.Identity.WireHome;

namespace WirePS.Module.Commands;

/// <summary>Makes this home a device of the identity that a device URL is of.</summary>
[Cmdlet(VerbsLifecycle.Register, "WireDevice", SupportsShouldProcess = true)]
[OutputType(typeof(WirePendingPair))]
public sealed class RegisterWireDeviceCommand : PairCmdlet
{
    private bool _hasInput;

    /// <summary>The device URL, or with -IssuerHome the bare token. Without it, it is asked for, or read from standard input.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <summary>The home that made the token, where its files are on this machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? IssuerHome { get; set; }

    /// <summary>A name for this machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Label { get; set; }

    /// <summary>Returns at once; the daemon or a tick does the rest.</summary>
    [Parameter]
    public SwitchParameter Detach { get; set; }

    /// <summary>Registers over a relay that this home would not use by itself: in a private network, or reached by plain http.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        if (Url is null)
        {
            return Task.CompletedTask;
        }

        _hasInput = true;
        return TryAsync(() => RegisterAsync(Url));
    }

    /// <inheritdoc/>
    protected override async Task EndAsync()
    {
        if (!_hasInput && !MyInvocation.ExpectingInput)
        {
            await RegisterAsync(Person.IsPresent(Host) ? Ask() : ReadInput());
        }
    }

    private async Task RegisterAsync(string text)
    {
        var engine = Engine;
        text = await UrlOfAsync(Pasted.Joined(text));
        var url = DeviceUrl.Parse(text, engine.Time.GetUtcNow());
        if (!ShouldProcess($"{url.Principal}, over {url.Endpoints[0].RelayUrl}", "Make this home a device of"))
        {
            return;
        }

        var (key, pair) = await engine.DeviceOperations.RegisterAsync(text, Label, AllowInsecureRelay, Cancellation);
        if (Detach)
        {
            WarnWithoutDaemon(engine);
            WriteObject(Show(pair));
            return;
        }

        try
        {
            WriteObject(Show(await InviteCeremony.RunAsync(engine, key, pair, ShowProgress, Cancellation)));
        }
        catch (OperationCanceledException)
        {
            // A stopped pipeline takes no warnings any more.
            Host.UI.WriteWarningLine(DeviceWords.Left(pair.Id));
            throw;
        }
    }

    /// <summary>The URL that a text stands for: itself, or that of a bare token of a home on this machine.</summary>
    private async Task<string> UrlOfAsync(string text)
    {
        if (!PairToken.IsWellFormed(text))
        {
            return text;
        }

        if (IssuerHome is null)
        {
            throw new WireException(WireReason.DeviceUrlRequired);
        }

        var home = Home.Resolve(SessionState.Path.GetUnresolvedProviderPathFromPSPath(IssuerHome));
        using var issuer = new WireEngine(home);
        issuer.RequireOwnHome();
        return await issuer.DeviceOperations.UrlOfAsync(text, Cancellation);
    }

    private string Ask() => Whole(isFirst => Person.AskSecret(Host, isFirst ? DeviceWords.UrlQuestion : DeviceWords.UrlRest));

    // What a script hands over must not stand on its command line, where every process of the machine can read it.
    private static string ReadInput() => Whole(static _ => Console.IsInputRedirected ? Person.ReadLine(Console.In, DeviceUrl.MaxLength) : null);

    // A URL that was copied from a narrow window has line breaks in it: what comes after the first belongs to it too, and to no other prompt.
    private static string Whole(Func<bool, string?> next)
    {
        var text = next(true)?.Trim() ?? "";
        while (DeviceUrl.IsCutOff(text) && next(false)?.Trim() is { Length: > 0 } more)
        {
            text += more;
        }

        return text.Length > 0 ? text : throw new WireException(WireReason.DeviceTokenRequired);
    }

    private void ShowProgress(PendingPair pair) =>
        WriteProgress(new ProgressRecord(0, "Registering this machine", PairWords.Next(pair))
        {
            RecordType = pair.IsEnded ? ProgressRecordType.Completed : ProgressRecordType.Processing,
        });
}
