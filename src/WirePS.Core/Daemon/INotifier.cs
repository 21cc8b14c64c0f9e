using System.Diagnostics;
using WirePS.Identity;
using WirePS.Pairing;

namespace WirePS.Daemon;

/// <summary>Tells the person at the desk what happened. Never blocks, never fails, shows no secret.</summary>
public interface INotifier
{
    /// <summary>A pairing has changed its status.</summary>
    void PairMoved(PendingPair pair);

    /// <summary>An identity has got a device, or has lost one (wireps.md §7): somebody must know of that who did not do it.</summary>
    /// <param name="news">Which, and what.</param>
    void DeviceChanged(DeviceNews news);
}

/// <summary>What happened to the devices of an identity.</summary>
/// <param name="Principal">The identity's DID.</param>
/// <param name="Device">The device's DID.</param>
/// <param name="Label">Its name here; null for none.</param>
/// <param name="Fingerprint">Its key's fingerprint; null where it is not known here.</param>
/// <param name="IsAdded">True where it was added, false where it was revoked.</param>
/// <param name="IsThisHome">True where the device is this home.</param>
public sealed record DeviceNews(string Principal, string Device, string? Label, string? Fingerprint, bool IsAdded, bool IsThisHome);

/// <summary>Says nothing.</summary>
public sealed class SilentNotifier : INotifier
{
    /// <summary>The one instance.</summary>
    public static SilentNotifier Instance { get; } = new();

    /// <inheritdoc/>
    public void PairMoved(PendingPair pair)
    {
    }

    /// <inheritdoc/>
    public void DeviceChanged(DeviceNews news)
    {
    }
}

/// <summary>
/// Notifications of the desktop, where there is one: <c>notify-send</c> or <c>osascript</c>. Off by the file
/// <c>quiet</c> in the configuration folder, or by <c>WIRE_NO_TOASTS</c>.
/// </summary>
/// <param name="home">The home, for its <c>quiet</c> file.</param>
public sealed class DesktopNotifier(WireHome home) : INotifier
{
    /// <inheritdoc/>
    public void PairMoved(PendingPair pair)
    {
        if (TextOf(pair) is { } text && !IsQuiet())
        {
            Show(text.Title, text.Body);
        }
    }

    /// <inheritdoc/>
    public void DeviceChanged(DeviceNews news)
    {
        if (!IsQuiet())
        {
            var (title, body) = TextOf(news);
            Show(title, body);
        }
    }

    /// <summary>What a change of the devices has to say.</summary>
    internal static (string Title, string Body) TextOf(DeviceNews news)
    {
        var key = news.Fingerprint is null ? "" : $", key {news.Fingerprint}";
        var device = Printable.Of(news.Label is null ? $"{news.Device}{key}" : $"'{news.Label}' ({news.Device}{key})");
        return news.IsAdded ? ("WirePS: new device", $"{device} is now a device of {news.Principal}. If that was not you: Revoke-WireDevice.")
            : news.IsThisHome ? ("WirePS: device revoked", $"This machine is no longer a device of {news.Principal}.")
            : ("WirePS: device revoked", $"{device} is no longer a device of {news.Principal}.");
    }

    /// <summary>What a change of status has to say; null where nothing. Names no code and no digits: a toast is read by whoever stands there.</summary>
    internal static (string Title, string Body)? TextOf(PendingPair pair) => pair.Status switch
    {
        PairStatus.SasReady => ("WirePS: compare the digits", "The other side is there. Get-WirePendingPair shows your six digits; Confirm-WirePair takes the other side's."),
        PairStatus.Paired when pair.Kind == PairKinds.Device => ("WirePS: registered", $"This machine is now a device of {pair.PeerDid}."),
        PairStatus.Aborted when pair.Kind == PairKinds.Device => ("WirePS: not registered", WireErrorCatalogue.Of(pair.Reason ?? WireReason.ProtocolError).Meaning),
        PairStatus.Paired => ("WirePS: paired", $"{pair.PeerDid} is now a verified peer."),
        PairStatus.Aborted => ("WirePS: pairing ended", WireErrorCatalogue.Of(pair.Reason ?? WireReason.ProtocolError).Meaning),
        _ => null,
    };

    private bool IsQuiet() =>
        File.Exists(home.QuietFile) || Environment.GetEnvironmentVariable("WIRE_NO_TOASTS") is { Length: > 0 } and not "0";

    private static void Show(string title, string body)
    {
        var path = Environment.GetEnvironmentVariable("PATH");
        var command = OperatingSystem.IsMacOS() && ProgramPath.Find("osascript", path) is { } script
            ? new ProcessStartInfo(script, ["-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run", title, body])
            : OperatingSystem.IsLinux() && HasDesktop() && ProgramPath.Find("notify-send", path) is { } sender
                ? new ProcessStartInfo(sender, ["--app-name=WirePS", title, body])
                : null;
        if (command is null)
        {
            return;
        }

        try
        {
            command.RedirectStandardError = command.RedirectStandardOutput = true;
            using var process = Process.Start(command);
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or IOException)
        {
            // No such program: there is no desktop to speak to.
        }
    }

    private static bool HasDesktop() =>
        Environment.GetEnvironmentVariable("DBUS_SESSION_BUS_ADDRESS") is { Length: > 0 }
        && (Environment.GetEnvironmentVariable("DISPLAY") is { Length: > 0 } || Environment.GetEnvironmentVariable("WAYLAND_DISPLAY") is { Length: > 0 });
}
