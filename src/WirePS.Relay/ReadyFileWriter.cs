using System.Security.Cryptography;
using System.Text.Json;
using WirePS.Relay.Http;

namespace WirePS.Relay;

/// <summary>Tells a supervisor where the relay listens.</summary>
internal static class ReadyFileWriter
{
    /// <summary>Writes beside the file and renames, so that nobody reads half of it.</summary>
    public static async Task WriteAsync(string path, string url, string relayId, CancellationToken cancellationToken)
    {
        var temporary = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using (var stream = new FileStream(temporary, options))
        {
            await JsonSerializer.SerializeAsync(stream, new ReadyFile(url, Environment.ProcessId, relayId), RelayJson.Wire.ReadyFile, cancellationToken);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
